/**
 * The least that sees a Node change: one watch from now on, and nothing made of it. `bare_watch.ts
 * SERVER FOLDER SELECTOR ANNOTATION` prints `NAME VALUE MS` whenever that annotation differs, MS since
 * 1970. The folder holds the administrator's certificate.
 */
const [server, folder, selector, annotation] = Deno.args;
const [ca, cert, key] = await Promise.all(
  ["ca.crt", "admin.crt", "admin.key"].map((name) => Deno.readTextFile(`${folder}/${name}`)),
);
const client = Deno.createHttpClient({ caCerts: [ca!], cert: cert!, key: key!, http2: false });
const nodes = async (kind: string, query: Record<string, string>) => {
  const url = `${server}/api/v1/nodes?${new URLSearchParams({
    labelSelector: selector!,
    ...query,
  })}`;
  const accept = `application/json;as=${kind};g=meta.k8s.io;v=v1`;
  const response = await fetch(url, { client, headers: { accept } });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return response;
};
// A watch without a resourceVersion is refused for seconds when the server's cache is behind its
// store: "Too large resource version".
const list = await nodes("PartialObjectMetadataList", { limit: "1" });
const { metadata: { resourceVersion } } = await list.json() as {
  metadata: { resourceVersion: string };
};
const response = await nodes("PartialObjectMetadata", {
  watch: "true",
  timeoutSeconds: "900",
  resourceVersion,
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
    const { type, object: { metadata } } = JSON.parse(line) as {
      type: string;
      object: { metadata: { name: string; annotations?: Record<string, string> } };
    };
    if (type === "ERROR") throw new Error(line);
    const value = metadata.annotations?.[annotation!] ?? "";
    if (known.get(metadata.name) === value) continue;
    known.set(metadata.name, value);
    say(`${metadata.name} ${value} ${Date.now()}`);
  }
}
