import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { TokenBucket } from "../../lib/token_bucket.ts";

Deno.test("a token bucket lets a burst through, then one each interval", () => {
  const bucket = new TokenBucket({ capacity: 3, everyMs: 100 });
  for (const _ of [1, 2, 3]) {
    assertEquals(bucket.waitMs(1000), 0);
    bucket.take(1000);
  }
  assertEquals([bucket.waitMs(1000), bucket.waitMs(1040), bucket.waitMs(1100)], [100, 60, 0]);
  assertEquals([bucket.isFull(1299), bucket.isFull(1300)], [false, true]);
});

Deno.test("a token bucket bounds every stretch of time", () => {
  fc.assert(fc.property(fc.array(fc.nat(300), { maxLength: 60 }), (steps) => {
    const bucket = new TokenBucket({ capacity: 3, everyMs: 100 });
    const taken: number[] = [];
    let now = 0;
    for (const step of steps) {
      now += step;
      if (bucket.waitMs(now) > 0) continue;
      bucket.take(now);
      taken.push(now);
    }
    for (const [i, from] of taken.entries()) {
      for (const [j, to] of taken.entries()) {
        if (j > i) assert(j - i + 1 <= 3 + (to - from) / 100, `${j - i + 1} in ${to - from} ms`);
      }
    }
  }));
});
