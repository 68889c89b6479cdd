import type { Cidr } from "../ip/cidr.ts";

/** Networks in which no peer is and of which none has a prefix: RFC 6890, special purposes. */
export const NOBODYS_NETWORKS = [
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "224.0.0.0/3",
  "::/127",
  "::ffff:0:0/96",
  "fe80::/10",
  "ff00::/8",
] as Cidr[];
