import { progress } from "../tests/lab/command.ts";

const SETTING = "/proc/sys/vm/max_map_count";
/** As newer distributions have it. */
const ENOUGH = 1 << 20;

/**
 * Lets a process have more mappings than the 65,530 that are usual, until this is disposed. In
 * user-mode Linux each page of a program is a mapping of its own, so that it ends at 256 MB: a
 * kube-apiserver with thousands of Nodes is larger.
 */
export async function manyMappings(): Promise<AsyncDisposable> {
  const before = (await Deno.readTextFile(SETTING)).trim();
  const isEnough = Number(before) >= ENOUGH;
  const set = async (value: string) => {
    try {
      await Deno.writeTextFile(SETTING, value);
    } catch (thrown) {
      progress(
        `${SETTING} cannot be set (${thrown}): with thousands of Nodes the API server may end ` +
          `early; as root, sysctl -w vm.max_map_count=${ENOUGH} mends that`,
      );
    }
  };
  if (!isEnough) await set(`${ENOUGH}`);
  return { [Symbol.asyncDispose]: () => isEnough ? Promise.resolve() : set(before) };
}
