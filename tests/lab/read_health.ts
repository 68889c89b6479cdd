import type { LabHost } from "./lab_host.ts";

/**
 * What a program answers on its own host at the hub's usual port when it is asked how it does;
 * undefined if nobody answers.
 *
 * @param path e.g. `/readyz?verbose`.
 */
export async function readHealth(
  host: LabHost,
  path: string,
): Promise<{ readonly status: number; readonly text: string } | undefined> {
  const request = "exec 3<>/dev/tcp/127.0.0.1/9587 && " +
    `printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3`;
  const { stdout } = await host.exec("bash", ["-c", request]);
  const [, status, text] = /^HTTP\/1\.\d (\d+)[^]*?\r\n\r\n([^]*)$/.exec(stdout) ?? [];
  return status === undefined ? undefined : { status: Number(status), text: text! };
}
