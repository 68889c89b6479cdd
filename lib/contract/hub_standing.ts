/**
 * Where a node stands as a hub. The label is the administrator's switch:
 * - `candidate`: it has not been seen with the label since the program began, which asks for it.
 * - `hub`: it bears the label.
 * - `retired`: it bore the label, and somebody took it away. It is no hub until it is back.
 */
export type HubStanding = "candidate" | "hub" | "retired";

/** Where it stands when its Node has been seen with or without the label. */
export function nextStanding(before: HubStanding, labelled: boolean): HubStanding {
  if (labelled) return "hub";
  return before === "hub" ? "retired" : before;
}
