/** What every program here pays before it does anything: the runtime's own start, and what it occupies. */
Deno.stdout.writeSync(new TextEncoder().encode("ready\n"));
for await (const _ of Deno.stdin.readable);
