/** The longest line taken, in characters. A Node can be no larger than etcd's limit of 1.5 MB. */
const LONGEST_LINE = 8 << 20;

/**
 * The lines of a stream of UTF-8, whatever borders its chunks have: a character or a line may be
 * spread over many. Empty lines are left out, and so is an unfinished last one: it is the remains of
 * a connection that broke.
 *
 * @throws {RangeError} if a line grows without end.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const pieces = decoder.decode(chunk, { stream: true }).split("\n");
    const rest = pieces.pop()!;
    for (const piece of pieces) {
      const line = parts.length === 0 ? piece : parts.join("") + piece;
      parts = [];
      length = 0;
      if (line !== "") yield line;
    }
    parts.push(rest);
    length += rest.length;
    if (length > LONGEST_LINE) throw new RangeError(`a line is longer than ${LONGEST_LINE}`);
  }
}
