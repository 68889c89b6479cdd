/**
 * The folder that a file lies in, by its path alone, as dirname(3) says it of a path that does not end
 * in a slash. Node's own is not used: to load it takes longer than to bring an interface up.
 */
export function folderOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end < 0 ? "." : path.slice(0, end) || "/";
}
