import { assert, assertEquals } from "@std/assert";
import { HUB } from "../../lib/options/hub_options.ts";
import type { Option } from "../../lib/options/option.ts";
import { permissionFlags, PROGRAMS, runArguments } from "../../tasks/permissions.ts";

for (const program of PROGRAMS) {
  Deno.test(`The ${program} never has all permissions, never asks and never imports`, () => {
    const flags = permissionFlags(program);
    assert(flags.includes("--no-prompt"));
    assert(flags.includes("--deny-import"));
    for (const flag of flags) assert(/^--(allow-(?!all)|no-prompt|deny-|ignore-)/.test(flag), flag);
  });

  Deno.test(`The ${program}'s bundle runs under the same permissions as its executable`, () => {
    const args = runArguments(program, "dist/x.js");
    const permissions = args.filter((arg) => /^--(allow|deny|ignore)-|^--no-prompt/.test(arg));
    assertEquals(permissions, permissionFlags(program));
    assertEquals(args.at(-1), "dist/x.js");
  });
}

Deno.test("The hub may read the variables of its options and of a pod, and runs wireguard-go alone", () => {
  const scopes = new Map(
    permissionFlags("hub").map((flag) => {
      const [name, scope = ""] = flag.split("=");
      return [name, scope.split(",")] as const;
    }),
  );
  const variables = Object.values<Option>(HUB.options).map(({ variable }) => variable);
  assertEquals(scopes.get("--allow-env"), [
    ...variables,
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
  ]);
  assert(scopes.has("--ignore-env"));
  assert(scopes.get("--allow-run")!.every((path) => /^\/.*\/wireguard-go$/.test(path)));
  assert(!scopes.has("--allow-sys"));
});
