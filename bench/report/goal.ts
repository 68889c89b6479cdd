import type { Table } from "./table.ts";

/** A goal of the project and what was found. */
export interface Goal {
  readonly goal: string;
  readonly found: string;
  readonly met: boolean;
}

/** Goals as a table. */
export function goalTable(goals: readonly Goal[]): Table {
  return {
    title: "Goals",
    columns: ["Goal", "Found", "Met"],
    rows: goals.map(({ goal, found, met }) => [goal, found, met ? "yes" : "**no**"]),
  };
}
