/**
 * Where a node stands as a hub. The label is the administrator's switch:
 * - `candidate`: this Node has not been seen with the label since the program began, which asks for
 *   it. A Node that was deleted and created again is another one: nobody took its label away.
 * - `hub`: it bears the label.
 * - `retired`: it bore the label, and somebody took it away. It is no hub until it is back.
 */
export type HubStanding = "candidate" | "hub" | "retired";

/**
 * Where it stands when its Node has been seen with or without the label.
 *
 * @param sameNode whether it is the Node that was seen before, by its uid.
 */
export function nextStanding(
  before: HubStanding,
  labelled: boolean,
  sameNode: boolean,
): HubStanding {
  if (labelled) return "hub";
  if (!sameNode) return "candidate";
  return before === "hub" ? "retired" : before;
}
