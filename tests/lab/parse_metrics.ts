import parsePrometheusTextFormat from "parse-prometheus-text-format";

/** A metric as the parser gives it; what is read of it. */
interface Family {
  readonly name: string;
  readonly type: string;
  readonly metrics: readonly {
    readonly labels?: Readonly<Record<string, string>>;
    readonly value: string;
  }[];
}

/** The library comes without types: this is what it does. */
const parse: (text: string) => readonly Family[] = parsePrometheusTextFormat;

/** One series of a metric. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What a program's `/metrics` says, read by a parser that is not ours. */
export class ParsedMetrics {
  readonly #types: ReadonlyMap<string, string>;
  readonly #families: readonly Family[];

  /** @param text in the text format of Prometheus, version 0.0.4. */
  constructor(text: string) {
    this.#types = new Map(parse(text).map(({ name, type }) => [name, type]));
    // The parser forgets the labels of histograms: without their type they are series like others.
    const plain = text.replaceAll(/^# TYPE \S+ histogram$/gm, "");
    this.#families = parse(plain);
  }

  /** The type of each metric, by its name. */
  get types(): Record<string, string> {
    return Object.fromEntries(this.#types);
  }

  /** The value of the one series that bears these labels, and perhaps others; undefined if there is none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const [found, ...others] = this.series(name).filter((series) =>
      Object.entries(labels).every(([label, value]) => series.labels[label] === value)
    );
    if (others.length > 0) throw new Error(`${name} ${JSON.stringify(labels)} is more than one`);
    return found?.value;
  }

  /** All series of that name; those of a histogram are `…_count`, `…_sum` and `…_bucket`. */
  series(name: string): Series[] {
    return this.#families.filter((family) => family.name === name)
      .flatMap(({ metrics }) => metrics)
      .map(({ labels = {}, value }) => ({ labels, value: Number(value) }));
  }
}
