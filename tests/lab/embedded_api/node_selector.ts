import { badRequest } from "./api_status.ts";
import type { NodeObject } from "./node_store.ts";

/** Says whether a Node is one of those that were asked for. */
export type NodeFilter = (node: NodeObject) => boolean;

/**
 * The filter of a request's `labelSelector` (`k`, `!k`, `k=v`, `k==v`, `k!=v`, commas between) and
 * `fieldSelector` (`metadata.name=v` alone).
 *
 * @throws {ApiStatus} 400 for anything else: better no answer than one that a real server would not give.
 */
export function nodeFilter(query: URLSearchParams): NodeFilter {
  const terms = [
    ...split(query.get("labelSelector")).map(labelTerm),
    ...split(query.get("fieldSelector")).map(fieldTerm),
  ];
  return (node) => terms.every((term) => term(node));
}

function split(selector: string | null): string[] {
  return (selector ?? "").split(",").filter((term) => term !== "");
}

function labelTerm(term: string): NodeFilter {
  const [, not, key, operator, value] =
    /^(!?)([A-Za-z0-9./_-]+)(?:(!=|==?)([A-Za-z0-9._-]*))?$/.exec(term) ?? [];
  if (key === undefined || (not && operator)) {
    throw badRequest(`unable to parse requirement: ${term}`);
  }
  if (operator === undefined) return ({ metadata }) => (key in metadata.labels) !== (not === "!");
  return ({ metadata }) => (metadata.labels[key] === value) === (operator !== "!=");
}

function fieldTerm(term: string): NodeFilter {
  const name = /^metadata\.name==?(.*)$/.exec(term)?.[1];
  if (name === undefined) throw badRequest(`field label not supported: ${term}`);
  return ({ metadata }) => metadata.name === name;
}
