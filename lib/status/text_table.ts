/** A row is a cell for each column: printable text in one line. */
export type Row = readonly string[];

/**
 * The rows as lines with aligned columns, two blanks between them.
 *
 * @param paint decorates a cell that has been padded, by its row and column: what it adds takes no room.
 */
export function textTable(
  rows: readonly Row[],
  paint: (cell: string, row: number, column: number) => string = (cell) => cell,
): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) => {
    return Math.max(...rows.map((row) => row[column]?.length ?? 0));
  });
  return rows.map((cells, row) =>
    cells.map((cell, column) => {
      const last = column === cells.length - 1;
      return paint(last ? cell : cell.padEnd(widths[column]!), row, column);
    }).join("  ")
  );
}
