/**
 * The name of the Node that a kubelet makes of a machine's host name: without blanks around it, and in
 * lower case, as names of Nodes are (nodeutil.GetHostname of Kubernetes).
 *
 * @param hostname as gethostname(2) gives it.
 */
export function nodeNameOf(hostname: string): string {
  return hostname.trim().toLowerCase();
}
