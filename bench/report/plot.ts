import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { BarChart, Chart, LineChart } from "./chart.ts";
import { printNumber } from "./statistics.ts";

const STYLE = {
  background: "white",
  padding: 10,
  config: {
    font: "Helvetica, Arial, sans-serif",
    view: { stroke: null },
    axis: {
      labelFontSize: 11,
      titleFontSize: 12,
      titleFontWeight: "normal" as const,
      gridColor: "#e4e4e4",
      domainColor: "#888",
      tickColor: "#888",
    },
    legend: { labelFontSize: 11, labelLimit: 320, symbolSize: 90, symbolOpacity: 1 },
    title: { fontSize: 13, anchor: "start" as const, offset: 12 },
    line: { strokeWidth: 2 },
  },
};

/** Shades of those that belong together, the first the strongest: a way has its colour in all plots. */
const SHADES: readonly { readonly of: RegExp; readonly shades: readonly string[] }[] = [
  { of: /^wg-kube/, shades: ["#1f5fa8", "#63a4dd"] },
  { of: /^Go/, shades: ["#b3400f", "#e8832a", "#f3b562"] },
  { of: /^/, shades: ["#444444", "#8a8a8a", "#b9b9b9", "#d6d6d6"] },
];
/** Of what happens, in the order in which it does. */
const STEPS = ["#2b6ca3", "#5f9f6e", "#d79b3c", "#b0483f"];

const FROM_ZERO = { zero: true } as const;
const LOG = { type: "log", nice: false } as const;

/** Draws a plot as SVG. */
export async function plot(chart: Chart): Promise<string> {
  const spec = chart.kind === "lines" ? lineSpec(chart) : barSpec(chart);
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  return await view.toSVG();
}

/** The ways in their order, and the colour of each. */
function coloursOf(ways: readonly string[]): { domain: string[]; range: string[] } {
  const used = new Map<RegExp, number>();
  const range = ways.map((way) => {
    const { of, shades } = SHADES.find(({ of }) => of.test(way))!;
    const count = used.get(of) ?? 0;
    used.set(of, count + 1);
    return shades[count % shades.length]!;
  });
  return { domain: [...ways], range };
}

function lineSpec({ title, x, y, scale, points }: LineChart): TopLevelSpec {
  const isLinear = scale === "linear";
  const ways = [...new Set(points.map(({ way }) => way))];
  const colour = {
    field: "way",
    type: "nominal",
    sort: ways,
    scale: coloursOf(ways),
    legend: { title: null },
  } as const;
  const ticks = [...new Set(points.map((point) => point.x))];
  const across = {
    field: "x",
    type: "quantitative",
    title: x,
    scale: isLinear ? FROM_ZERO : { ...LOG, padding: 24 },
    axis: { values: ticks, grid: false, format: ",d", labelOverlap: "greedy" },
  } as const;
  const up = {
    scale: isLinear ? FROM_ZERO : { ...LOG, padding: 12 },
    axis: isLinear ? {} : { values: decades(points), format: ",~g" },
  } as const;
  return {
    ...STYLE,
    title,
    width: 460,
    height: 300,
    data: { values: points.map((point) => ({ ...point })) },
    layer: [
      {
        mark: { type: "rule", strokeWidth: 1.5, opacity: 0.6 },
        encoding: {
          x: across,
          y: { field: "low", type: "quantitative", ...up },
          y2: { field: "high" },
          color: colour,
        },
      },
      {
        mark: { type: "line" },
        encoding: {
          x: across,
          y: { field: "y", type: "quantitative", title: y, ...up },
          color: colour,
        },
      },
      {
        mark: { type: "point", filled: true, size: 55, opacity: 1 },
        encoding: {
          x: across,
          y: { field: "y", type: "quantitative", title: y, ...up },
          color: colour,
          shape: { field: "way", type: "nominal", sort: ways, legend: { title: null } },
        },
      },
    ],
  };
}

/** The powers of ten, and thrice those, about the points: what an axis is to name. */
function decades(points: LineChart["points"]): number[] {
  const all = points.flatMap(({ low, high, y }) => [low, high, y]).filter((value) => value > 0);
  const [from, to] = [Math.min(...all), Math.max(...all)];
  const ticks: number[] = [];
  for (let size = Math.floor(Math.log10(from)); size <= Math.ceil(Math.log10(to)); size++) {
    ticks.push(10 ** size, 3 * 10 ** size);
  }
  return ticks;
}

function barSpec({ title, value, bars }: BarChart): TopLevelSpec {
  const groups = [...new Set(bars.map(({ group }) => group))];
  const ways = [...new Set(bars.map(({ way }) => way))];
  const along = { field: "value", type: "quantitative", title: value } as const;
  const down = {
    y: { field: "way", type: "nominal", sort: ways, title: null, axis: { labelLimit: 320 } },
    yOffset: { field: "group", type: "nominal", sort: groups },
  } as const;
  return {
    ...STYLE,
    title,
    width: 460,
    height: { step: 11 },
    data: { values: bars.map((bar) => ({ ...bar, shown: printNumber(bar.value) })) },
    layer: [
      {
        mark: { type: "bar" },
        encoding: {
          ...down,
          x: along,
          color: {
            field: "group",
            type: "nominal",
            sort: groups,
            scale: { domain: groups, range: STEPS.slice(0, groups.length) },
            legend: { title: null },
          },
        },
      },
      {
        mark: { type: "text", align: "left", dx: 3, fontSize: 9 },
        encoding: { ...down, x: along, text: { field: "shown", type: "nominal" } },
      },
    ],
  };
}
