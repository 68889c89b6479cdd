import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { IpAddress } from "../../lib/ip/address.ts";
import { MOST_LISTENERS } from "../../lib/page/event_stream.ts";
import { hubPage } from "../../lib/page/hub_page.ts";
import type { HubView } from "../../lib/page/hub_view.ts";
import { type HttpServer, serveHttp } from "../../lib/serve_http.ts";
import { hubView } from "../unit/hub_views.ts";

const ADDRESS = { hostname: "127.0.0.1" as IpAddress, port: 0 };

/** A page that is served until it is stopped. */
async function serve(read: () => Promise<HubView>) {
  const stop = new AbortController();
  const port = Promise.withResolvers<number>();
  const server: HttpServer = {
    signal: stop.signal,
    random: () => 0,
    onFailure: (_, error) => port.reject(error),
    onListen: (_, number) => port.resolve(number),
  };
  const paths = await hubPage({ read, address: ADDRESS, signal: stop.signal, everyMs: 20 });
  const served = serveHttp([{ name: "page", address: ADDRESS, paths }], server);
  const base = `http://127.0.0.1:${await port.promise}`;
  return {
    base,
    served,
    stop: () => stop.abort(),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await served;
    },
  };
}

/** What a stream tells, one after the other; comments are left out. */
async function* told(response: Response): AsyncGenerator<Record<string, string>> {
  let rest = "";
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n\n");
    rest = parts.pop()!;
    for (const part of parts) {
      if (part.startsWith("data: ")) yield JSON.parse(part.slice(6)) as Record<string, string>;
    }
  }
}

Deno.test("the page is served with headers that let nothing else in, and nobody frame it", async () => {
  await using page = await serve(() => Promise.resolve(hubView(12)));
  const answer = await fetch(page.base);
  const text = await answer.text();
  assertEquals(answer.status, 200);
  assertStringIncludes(text, "<h1>hub-1</h1>");
  const header = (name: string) => answer.headers.get(name) ?? "";
  assertEquals(header("content-type"), "text/html; charset=utf-8");
  assertEquals(header("x-content-type-options"), "nosniff");
  assertEquals(header("x-frame-options"), "DENY");
  assertEquals(header("cache-control"), "no-store");
  const policy = header("content-security-policy");
  assertMatch(policy, /^default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+';/);
  assertMatch(policy, /frame-ancestors 'none'$/);
  assert(!policy.includes("unsafe"));
  const post = await fetch(page.base, { method: "POST" });
  assertEquals([post.status, await post.text()], [405, "only GET and HEAD are answered\n"]);
  for (const path of ["/", "/events"]) {
    const head = await fetch(page.base + path, { method: "HEAD" });
    assertEquals([head.status, await head.text()], [200, ""]);
  }
});

Deno.test("whoever listens is told at once what there is, and then what changes", async () => {
  let view = hubView(3);
  await using page = await serve(() => Promise.resolve(view));
  const answer = await fetch(`${page.base}/events`);
  assertEquals(answer.headers.get("content-type"), "text/event-stream");
  const events = told(answer);
  const { value: first } = await events.next();
  assertEquals(Object.keys(first!).length, 6);
  view = hubView(4);
  const { value: second } = await events.next();
  assertStringIncludes(second!.peers!, "edge-5");
  assertEquals(second!.standing, undefined, "it has not changed");
  await events.return(undefined);
});

Deno.test("no more listen than there is room for, and one who leaves makes room", async () => {
  await using page = await serve(() => Promise.resolve(hubView(1)));
  const listen = () => fetch(`${page.base}/events`);
  const all = await Promise.all(Array.from({ length: MOST_LISTENERS }, listen));
  assertEquals(all.map(({ status }) => status), all.map(() => 200));
  const refused = await listen();
  assertEquals([refused.status, await refused.text()], [503, "too many pages are open\n"]);
  await all.pop()!.body!.cancel();
  let again = await listen();
  for (let attempt = 0; again.status !== 200 && attempt < 500; attempt++) {
    await again.body!.cancel();
    again = await listen();
  }
  assertEquals(again.status, 200);
  for (const { body } of [...all, again]) await body!.cancel();
});

Deno.test("the streams end with the program's signal, and so does the server", async () => {
  await using page = await serve(() => Promise.resolve(hubView(1)));
  const events = told(await fetch(`${page.base}/events`));
  await events.next();
  page.stop();
  await page.served;
  assertEquals((await events.next().catch(() => ({ done: true }))).done, true);
});

Deno.test("a hub that cannot be read is an error to who loads the page, and silence to who listens", async () => {
  let asked = 0;
  await using page = await serve(() => {
    asked++;
    return Promise.reject(new Error("no"));
  });
  const answer = await fetch(page.base);
  assertEquals([answer.status, await answer.text()], [500, "the state cannot be read\n"]);
  const stream = await fetch(`${page.base}/events`);
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await reader.read()).value, ":\n\n");
  await reader.cancel();
  assert(asked >= 1);
});

Deno.test("however many listen, the hub is read about once a second", async () => {
  let asked = 0;
  await using page = await serve(() => Promise.resolve(hubView(++asked)));
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => fetch(`${page.base}/events`)),
  );
  for (const answer of answers) {
    const events = told(answer);
    await events.next();
    await events.return(undefined);
  }
  assert(asked <= 2, `${asked} readings`);
});
