/**
 * The least that sees a Node change: one watch, and nothing made of it. `bare_watch.ts SERVER FOLDER
 * SELECTOR ANNOTATION` prints `NAME VALUE MS` whenever that annotation differs, MS since 1970. The
 * folder holds the administrator's certificate.
 */
const [server, folder, selector, annotation] = Deno.args;
const [ca, cert, key] = await Promise.all(
  ["ca.crt", "admin.crt", "admin.key"].map((name) => Deno.readTextFile(`${folder}/${name}`)),
);
const client = Deno.createHttpClient({ caCerts: [ca!], cert: cert!, key: key!, http2: false });
const query = new URLSearchParams({
  labelSelector: selector!,
  watch: "true",
  timeoutSeconds: "900",
});
const response = await fetch(`${server}/api/v1/nodes?${query}`, {
  client,
  headers: { accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1" },
});
const encoder = new TextEncoder();
const say = (line: string) => Deno.stdout.writeSync(encoder.encode(`${line}\n`));
const known = new Map<string, string>();
let rest = "";
say("ready");
for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop()!;
  for (const line of lines) {
    const { object: { metadata } } = JSON.parse(line) as {
      object: { metadata: { name: string; annotations?: Record<string, string> } };
    };
    const value = metadata.annotations?.[annotation!] ?? "";
    if (known.get(metadata.name) === value) continue;
    known.set(metadata.name, value);
    say(`${metadata.name} ${value} ${Date.now()}`);
  }
}
