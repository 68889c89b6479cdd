import { type IpAddress, parseAddress, unmapAddress } from "../ip/address.ts";

/** resolv.conf(5); and where systemd-resolved keeps the servers that its stub asks. */
const FILES = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/** The name servers of this machine. A file that cannot be read names none. */
export async function readResolvers(files: readonly string[] = FILES): Promise<IpAddress[]> {
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(file).catch(() => "")));
  return [...new Set(texts.flatMap(parseResolvers))];
}

/** The addresses on the `nameserver` lines of a resolv.conf(5), zones left out. */
export function parseResolvers(text: string): IpAddress[] {
  return text.split("\n").flatMap((line) => {
    const [, server] = /^nameserver[ \t]+([^\s%#;]+)/.exec(line) ?? [];
    const address = server === undefined ? undefined : parseAddress(server);
    return address ? [unmapAddress(address)] : [];
  });
}
