const VARIABLE = "WG_KUBE_PROPERTY_RUNS";

/**
 * How often to try what strangers write: as the variable says, which all tests of the unit tier are
 * given; else, or where the environment may not be read, so few that a commit does not wait for it.
 */
export function propertyRuns(few: number): number {
  const { state } = Deno.permissions.querySync({ name: "env", variable: VARIABLE });
  return Number((state === "granted" && Deno.env.get(VARIABLE)) || few);
}
