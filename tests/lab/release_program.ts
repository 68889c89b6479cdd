/**
 * Serves the files of a folder by HTTPS on 127.0.0.1:443, as a release's: `release_program.ts FOLDER
 * CERTIFICATE KEY ASKED`. Prints `ready` when it does; writes each path that it is asked for to the
 * file ASKED. Ends when it is killed.
 */
const [folder, certificate, key, asked] = Deno.args as [string, string, string, string];
Deno.serve({
  hostname: "127.0.0.1",
  port: 443,
  cert: await Deno.readTextFile(certificate),
  key: await Deno.readTextFile(key),
  onListen: () => Deno.stdout.writeSync(new TextEncoder().encode("ready\n")),
}, async (request) => {
  const path = new URL(request.url).pathname;
  await Deno.writeTextFile(asked, `${path.slice(1)}\n`, { append: true });
  const file = await Deno.readFile(`${folder}/${path.split("/").at(-1)}`).catch(() => undefined);
  return file ? new Response(file) : new Response("no such file", { status: 404 });
});
