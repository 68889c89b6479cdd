/** Both ends of a tunnel within a site, on a wire that the test cuts, in time that the test makes pass. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Cidr } from "../../lib/ip/cidr.ts";
import {
  nextSiteLink,
  QUIET,
  SETTLE,
  SILENCE,
  type SiteLink,
  siteLinkDueMs,
} from "../../lib/spoke/site_link.ts";
import type { Peer } from "../../lib/wireguard/device.ts";
import { keyOf } from "./arbitraries.ts";

const PREFIX = "100.96.0.3/32" as Cidr;
/** How often an end without a session asks for one, and how old a session grows (WireGuard paper). */
const REKEY_TIMEOUT = 5_000;
const REKEY_AFTER = 120_000;
const REJECT_AFTER = 180_000;
const KEEPALIVE = 10_000;
const TICK = 50;
/** How long a look takes at most, with the wait for it. */
const SLACK = 500;

const peer = (rest: Partial<Peer> = {}): Peer => ({
  publicKey: keyOf(3),
  persistentKeepalive: 10,
  allowedIPs: [],
  lastHandshake: 0,
  rxBytes: 0,
  txBytes: 0,
  ...rest,
});

/** One end: what its interface has, and what it makes of that. */
class End {
  link: SiteLink | undefined;
  found: Peer | undefined = peer();
  #due = 0;

  /** @param skew its wall clock, against the steady one that all share here. */
  constructor(readonly skew: number) {}

  get isDirect(): boolean {
    return this.link?.state === "direct";
  }

  look(steady: number): void {
    if (steady < this.#due) return;
    const now = { steady, wall: steady + this.skew };
    this.link = nextSiteLink(this.link, this.found, now);
    this.#due = steady + siteLinkDueMs(this.link, now);
    if (this.link.state === "quiet") this.found = undefined;
    else this.found = { ...this.found ?? peer(), allowedIPs: this.isDirect ? [PREFIX] : [] };
  }

  hear(bytes: number, handshakeAt?: number): void {
    if (!this.found) return;
    this.found = {
      ...this.found,
      rxBytes: this.found.rxBytes + bytes,
      ...(handshakeAt !== undefined && { lastHandshake: handshakeAt + this.skew }),
    };
  }

  sessionAge(steady: number): number {
    const stamp = this.found?.lastHandshake ?? 0;
    return stamp === 0 ? Infinity : steady + this.skew - stamp;
  }
}

/** Two ends and which direction passes: [from the first, from the second]. */
class Wire {
  readonly ends: readonly [End, End];
  passes: readonly [boolean, boolean] = [true, true];
  now = 1_000_000;
  /** How long one end went by a way that the other did not, in ms: the longest time. */
  longestDispute = 0;
  #disputedSince: number | undefined;

  constructor(skew = 0) {
    this.ends = [new End(0), new End(skew)];
  }

  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end; this.now += TICK) this.#tick();
  }

  #tick(): void {
    for (const from of [0, 1] as const) {
      const [sender, receiver] = [this.ends[from], this.ends[1 - from]!];
      if (!sender.found) continue;
      const age = sender.sessionAge(this.now);
      const asks = age >= REKEY_AFTER && this.now % REKEY_TIMEOUT < TICK;
      if (asks && this.passes[from]) {
        receiver.hear(148); // counted, also where the answer does not arrive
        if (receiver.found && this.passes[1 - from]) {
          receiver.hear(32, this.now);
          sender.hear(92, this.now);
        }
      }
      const keeps = this.now % KEEPALIVE < TICK && age < REJECT_AFTER;
      const shared = sender.found.lastHandshake - sender.skew ===
        (receiver.found?.lastHandshake ?? NaN) - receiver.skew;
      if (keeps && shared && this.passes[from]) receiver.hear(32);
    }
    for (const end of this.ends) end.look(this.now);
    const disputed = this.ends[0].isDirect !== this.ends[1].isDirect;
    this.#disputedSince = disputed ? this.#disputedSince ?? this.now : undefined;
    const dispute = this.now - (this.#disputedSince ?? this.now);
    this.longestDispute = Math.max(this.longestDispute, dispute);
  }

  get states(): (boolean | undefined)[] {
    return this.ends.map((end) => end.isDirect);
  }
}

/** A pair that has moved to each other. */
function direct(): Wire {
  const wire = new Wire();
  wire.pass(30_000);
  assertEquals(wire.states, [true, true]);
  return wire;
}

Deno.test("both ends move at the same moment after their handshake, whatever their clocks", () => {
  for (const skew of [0, 400, -3_600_000, 86_400_000]) {
    const wire = new Wire(skew);
    wire.pass(30_000);
    assertEquals(wire.states, [true, true], `${skew}`);
    assert(wire.longestDispute <= TICK, `${wire.longestDispute} ms at ${skew}`);
  }
});

Deno.test("nothing moves before the handshake has settled, nor without one", () => {
  const steady = 10_000;
  const wall = 5_000_000;
  const found = peer({ lastHandshake: wall - 1_000, rxBytes: 92 });
  let link = nextSiteLink(undefined, found, { steady, wall });
  assertEquals([link.state, siteLinkDueMs(link, { steady, wall })], ["probing", SETTLE - 1_000]);
  link = nextSiteLink(link, found, { steady: steady + SETTLE - 1_001, wall });
  assertEquals(link.state, "probing");
  // Another handshake in between: the other end knows it too, and begins anew.
  const again = { ...found, lastHandshake: wall + 500 };
  link = nextSiteLink(link, again, { steady: steady + 1_000, wall: wall + 1_000 });
  link = nextSiteLink(link, again, { steady: steady + SETTLE - 1_000, wall: wall + SETTLE });
  assertEquals(link.state, "probing");
  link = nextSiteLink(link, again, { steady: steady + SETTLE + 500, wall: wall + SETTLE });
  assertEquals(link.state, "direct");
  const late = { steady: steady + 3_600_000, wall: wall + 3_600_000 };
  assertEquals(nextSiteLink(undefined, peer(), late).state, "probing");
  assertEquals(nextSiteLink(undefined, found, late).state, "probing", "that session is dead");
});

Deno.test("after a restart, what the interface holds stays, and a settled handshake counts at once", () => {
  const now = { steady: 1_000, wall: 5_000_000 };
  const held = peer({ allowedIPs: [PREFIX], lastHandshake: 1, rxBytes: 7 });
  assertEquals(nextSiteLink(undefined, held, now), {
    state: "direct",
    rxBytes: 7,
    heardAt: 1_000,
  });
  const shaken = peer({ lastHandshake: now.wall - SETTLE });
  assertEquals(nextSiteLink(undefined, shaken, now).state, "direct");
});

Deno.test("a peer that dies: its prefixes go back after a minute, and it is called again later", () => {
  const wire = direct();
  const [first] = wire.ends;
  wire.passes = [false, false];
  wire.pass(SILENCE - KEEPALIVE);
  assertEquals(wire.states, [true, true]);
  wire.pass(2 * KEEPALIVE + SLACK);
  assertEquals(wire.states, [false, false]);
  assertEquals(first.found, undefined);
  wire.pass(QUIET + SLACK);
  assertEquals(first.found?.allowedIPs, []);
  wire.passes = [true, true];
  wire.pass(REKEY_TIMEOUT + SETTLE + SLACK);
  assertEquals(wire.states, [true, true]);
});

Deno.test("one direction dies: both ends fall back, the second when it hears nothing any more", () => {
  const wire = direct();
  wire.passes = [true, false];
  wire.pass(SILENCE + KEEPALIVE + SLACK);
  assertEquals(wire.states, [false, true]);
  wire.pass(SILENCE + KEEPALIVE + SLACK);
  assertEquals(wire.states, [false, false]);
  // As long as it is so, nothing moves; when it is mended, both do.
  wire.pass(1_000_000);
  assertEquals(wire.states, [false, false]);
  wire.passes = [true, true];
  wire.pass(2 * QUIET);
  assertEquals(wire.states, [true, true]);
});

Deno.test("an end that comes back without its session takes over what the other still has", () => {
  const wire = direct();
  const [first] = wire.ends;
  Object.assign(first, { link: undefined, found: peer() });
  wire.pass(REKEY_TIMEOUT + SETTLE + SLACK);
  assertEquals(wire.states, [true, true]);
});

Deno.test("whatever the wire does, the ends do not differ for long, and agree once it rests", () => {
  const outage = fc.record({
    passes: fc.tuple(fc.boolean(), fc.boolean()),
    ms: fc.integer({ min: 1_000, max: 300_000 }),
  });
  fc.assert(
    fc.property(
      fc.array(outage, { maxLength: 8 }),
      fc.tuple(fc.boolean(), fc.boolean()),
      (outages, rest) => {
        const wire = new Wire();
        for (const { passes, ms } of outages) {
          wire.passes = passes;
          wire.pass(ms);
        }
        wire.passes = rest;
        wire.pass(2 * (SILENCE + QUIET) + 60_000);
        const works = rest[0] && rest[1];
        assertEquals(wire.states, [works, works]);
        const bound = 2 * (SILENCE + KEEPALIVE + SLACK);
        assert(wire.longestDispute <= bound, `${wire.longestDispute} ms`);
      },
    ),
    { numRuns: 200 },
  );
});
