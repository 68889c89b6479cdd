/** What every program here pays before it does anything: the runtime's own start. */
Deno.stdout.writeSync(new TextEncoder().encode("ready\n"));
