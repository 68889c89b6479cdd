import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { BarChart, Chart, LineChart } from "./chart.ts";

const STYLE = {
  background: "white",
  config: {
    font: "sans-serif",
    axis: { labelFontSize: 11, titleFontSize: 12, titleFontWeight: "normal" as const },
    legend: { labelFontSize: 11, labelLimit: 300, title: null },
    title: { fontSize: 13, anchor: "start" as const },
  },
};

/** Draws a plot as SVG. */
export async function plot(chart: Chart): Promise<string> {
  const spec = chart.kind === "lines" ? lineSpec(chart) : barSpec(chart);
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  return await view.toSVG();
}

function lineSpec({ title, x, y, points }: LineChart): TopLevelSpec {
  const colour = { field: "way", type: "nominal", legend: { title: null } } as const;
  const ticks = [...new Set(points.map((point) => point.x))];
  const across = {
    field: "x",
    type: "quantitative",
    title: x,
    scale: { type: "log" },
    axis: { values: ticks, grid: false },
  } as const;
  const scale = { type: "log" } as const;
  return {
    ...STYLE,
    title,
    width: 460,
    height: 300,
    data: { values: points.map((point) => ({ ...point })) },
    layer: [
      {
        mark: { type: "line", point: true },
        encoding: {
          x: across,
          y: { field: "y", type: "quantitative", title: y, scale },
          color: colour,
        },
      },
      {
        mark: { type: "rule" },
        encoding: {
          x: across,
          y: { field: "low", type: "quantitative", scale },
          y2: { field: "high" },
          color: colour,
        },
      },
    ],
  };
}

function barSpec({ title, y, bars }: BarChart): TopLevelSpec {
  const order = [...new Set(bars.map(({ group }) => group))];
  const ways = [...new Set(bars.map(({ way }) => way))];
  return {
    ...STYLE,
    title,
    width: { step: 13 },
    height: 240,
    data: { values: bars.map((bar) => ({ ...bar })) },
    mark: "bar",
    encoding: {
      x: { field: "group", type: "nominal", sort: order, title: null, axis: { labelAngle: 0 } },
      xOffset: { field: "way", sort: ways },
      y: { field: "value", type: "quantitative", title: y },
      color: { field: "way", type: "nominal", sort: ways, legend: { title: null } },
    },
  };
}
