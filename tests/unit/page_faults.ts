import { COMMON_COMMANDS } from "../../lib/options/common_commands.ts";
import type { OptionTable, Program } from "../../lib/options/option.ts";
import { BOOLEAN } from "../../lib/options/value_types.ts";

/** What a page of documentation may name. */
export interface Named {
  /** Files and folders, relative to the repository's root. */
  readonly paths: ReadonlySet<string>;
  /** The text of pages in Markdown, by path: where anchors are. */
  readonly pages: ReadonlyMap<string, string>;
  readonly programs: readonly Program<OptionTable, string>[];
  /** Flags of others that pages name by themselves, without the hyphens. */
  readonly foreignFlags: ReadonlySet<string>;
  /** Variables beside those of the programs' options. */
  readonly variables: (name: string) => boolean;
  readonly metrics: ReadonlySet<string>;
  readonly tasks: ReadonlySet<string>;
  /** The names of labels and annotations, without their prefix. */
  readonly keys: ReadonlySet<string>;
}

/** A piece of code on a page: a block with its language, or what stands in a line of text. */
interface Fragment {
  readonly language: string | undefined;
  readonly text: string;
}

const FOLDERS = /(?<![\w./-])(?:deploy|docs|lib|tests|tasks|bench|overlays)\/[\w.*/-]*/g;
const VARIABLE = /(?<![\w$-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g;
const METRIC = /(?<![\w/])(?:wg_kube|wireguard)_[a-z_]+\b(?!\.\w)/g;

/**
 * What a page says that is not so: links that lead nowhere, and flags, commands, variables, metrics,
 * files, tasks, labels and annotations that do not exist. One sentence each; none if all is well.
 */
export function pageFaults(path: string, named: Named): string[] {
  const text = named.pages.get(path)!;
  const fragments = fragmentsOf(text);
  const code = fragments.map((fragment) => fragment.text).join("\n");
  const own = new Set(named.programs.flatMap(({ options }) => variablesOf(options)));
  const assigned = new Set([...code.matchAll(/\b([A-Z][A-Z0-9_]*)=/g)].map(([, name]) => name!));
  const unless = (isKnown: (name: string) => boolean, what: string, names: Iterable<string>) =>
    [...new Set(names)].filter((name) => !isKnown(name)).map((name) => `${what} ${name}`);
  const all = (pattern: RegExp, where: string) => [...where.matchAll(pattern)];
  return [
    ...linksOf(text).flatMap((target) => linkFaults(path, target, named)),
    ...fragments.flatMap((fragment) => flagFaults(fragment, named)),
    ...unless(
      (name) =>
        own.has(name) || named.variables(name) ||
        (assigned.has(name) && !/^(WG|HUB)_/.test(name)),
      "no variable",
      all(VARIABLE, code).map(([name]) => name),
    ),
    ...unless(
      (name) => named.metrics.has(name.replace(/_(bucket|count|sum)$/, "")),
      "no metric",
      all(METRIC, text).map(([name]) => name),
    ),
    ...unless(
      (name) => isThere(name, named.paths),
      "no file",
      all(FOLDERS, code).map(([name]) => name.replace(/[./]+$/, "")),
    ),
    ...unless(
      (name) => named.tasks.has(name),
      "no task",
      all(/\bdeno(?:@[\d.]+)? task ([\w:]+)/g, text).map(([, name]) => name!),
    ),
    ...unless(
      (name) => named.keys.has(name),
      "no label or annotation",
      all(/\bwireguard\.kube\/([a-z-]*[a-z])/g, code).map(([, name]) => name!),
    ),
  ];
}

function variablesOf(options: OptionTable): string[] {
  return Object.values(options).map(({ variable }) => variable);
}

const FENCE = /^( *)```(\w*)\n([\s\S]*?)\n\1```$/gm;

function fragmentsOf(text: string): Fragment[] {
  const blocks = [...text.matchAll(FENCE)].map(([, , language, inner]) => ({
    language: language!,
    text: inner!,
  }));
  const spans = [...text.replaceAll(FENCE, "").matchAll(/`([^`]+)`/g)].map(([, inner]) => ({
    language: undefined,
    text: inner!.replaceAll(/\s+/g, " "),
  }));
  return [...blocks, ...spans];
}

function linksOf(text: string): string[] {
  return [...text.replaceAll(FENCE, "").matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
}

function linkFaults(path: string, target: string, { paths, pages }: Named): string[] {
  if (/^[a-z]+:/.test(target)) return URL.canParse(target) ? [] : [`no address ${target}`];
  const { pathname, hash } = new URL(target, `file:///${path}`);
  const file = decodeURI(pathname).replace(/^\//, "").replace(/\/$/, "");
  if (!paths.has(file)) return [`link to ${target}, which is not there`];
  if (hash === "") return [];
  const anchors = anchorsOf(pages.get(file) ?? "");
  return anchors.has(decodeURI(hash.slice(1))) ? [] : [`link to ${target}, which is no heading`];
}

/** The anchors of headings, as GitHub makes them. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading] of text.replaceAll(FENCE, "").matchAll(/^#{1,6} (.+)$/gm)) {
    const base = heading!.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
    let anchor = base;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${base}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** A file, a folder, or a pattern with `*` that fits one. */
function isThere(name: string, paths: ReadonlySet<string>): boolean {
  if (!name.includes("*")) return paths.has(name);
  const pattern = new RegExp(`^${name.replaceAll(".", "\\.").replaceAll("*", "[^/]*")}$`);
  return [...paths].some((path) => pattern.test(path));
}

/** Flags of ours that do not exist, and words after a program's name that are no commands of it. */
function flagFaults({ language, text }: Fragment, named: Named): string[] {
  if (language === undefined || language === "sh") {
    const lines = text.replaceAll("\\\n", " ").split(/\n|;|&&|\||[()]/);
    return lines.flatMap((line) => commandFaults(line, language === "sh", named));
  }
  return flagsIn(text).flatMap((flag) => bareFault(flag, named));
}

function commandFaults(line: string, isScript: boolean, named: Named): string[] {
  const words = line.replace(/(^|\s)#.*/, "").trim().split(/\s+/);
  // kubectl exec … -- hub status
  const inner = words.includes("--") ? words.slice(words.indexOf("--") + 1) : words;
  while (/^(sudo|[A-Z_]+=.*)$/.test(inner[0] ?? "")) inner.shift();
  const [first = "", second = ""] = inner;
  if (first.startsWith("--")) return flagsIn(inner.join(" ")).flatMap((f) => bareFault(f, named));
  const program = named.programs.find(({ name }) =>
    first.replace(/^.*\//, "").replace("wg-", "") === name
  );
  if (!program) return [];
  const isCommand = isScript || inner.length === 2;
  const isKnown = second === "" || second.startsWith("-") ||
    second in { ...program.commands, ...COMMON_COMMANDS };
  return [
    ...(isCommand && !isKnown ? [`no command ${program.name} ${second}`] : []),
    ...flagsIn(inner.join(" ")).filter((flag) => !hasFlag(program, flag))
      .map((flag) => `no flag --${flag} of ${program.name}`),
  ];
}

function flagsIn(text: string): string[] {
  return [...text.matchAll(/(?<![\w-])--([a-z][\w-]*)/g)].map(([, flag]) => flag!);
}

function bareFault(flag: string, { programs, foreignFlags }: Named): string[] {
  const isKnown = foreignFlags.has(flag) || programs.some((program) => hasFlag(program, flag));
  return isKnown ? [] : [`no flag --${flag}`];
}

function hasFlag({ options }: Program<OptionTable, string>, flag: string): boolean {
  return ["help", "version"].includes(flag) ||
    Object.values(options).some((option) =>
      option.flag === flag || (option.type === BOOLEAN && `no-${option.flag}` === flag)
    );
}
