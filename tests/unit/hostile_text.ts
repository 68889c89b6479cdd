import { SeededRandom } from "../simulation/seeded_random.ts";
import { keyOf } from "./arbitraries.ts";

const PIECES = [
  ..."0123456789abcdef.:/,[]%x- \n\r\t\0\u2028\u202e\u200b\u007f\ud800\u0661\uff11=+".split(""),
  ...["::", "/0", "/32", "/129", "/008", "10.0.0.1", "0.0.0.0/0", "fd00::", "::ffff:10.0.0.1"],
  ...["]:51820", "ffff", "0x0a", "192.168.1.9", "100.96.0.1", "known.example", "-1", "1e3", "NaN"],
  ...["__proto__", "PostUp = reboot", "\nAllowedIPs = 0.0.0.0/0", "💥", "é", "%0a", "$(reboot)"],
];
const MODELS = [
  keyOf(1),
  keyOf(200),
  "192.0.2.1:51820",
  "[2001:db8::1]:51820",
  "known.example:51820",
  "10.1.0.0/24, fd00:1::/64",
  "10.2.0.0/24,10.3.0.7/32,172.16.0.0/12",
];

/** What a stranger may write where a key, an endpoint or networks are expected: often nearly right. */
export function hostileText(random: SeededRandom): string {
  const kind = random.below(10);
  if (kind === 0) return "x".repeat(random.below(20_000));
  if (kind === 1) return `${random.pick(PIECES)},`.repeat(random.below(600));
  if (kind < 5) return Array.from({ length: random.below(30) }, () => random.pick(PIECES)).join("");
  const text = [...random.pick(MODELS)];
  for (let changes = random.below(4); changes > 0; changes--) {
    text.splice(random.below(text.length + 1), random.below(2), random.pick(PIECES));
  }
  return text.join("");
}
