import type { PackageNeed } from "./packages.ts";

/** The browser, and letters for it. */
export const BROWSER_PACKAGES: readonly PackageNeed[] = [
  {
    name: "chromium-headless-shell",
    has: "chromium-headless-shell",
    why: "the hub's page in a browser",
  },
  {
    name: "fonts-dejavu-core",
    has: "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    why: "letters for the browser",
  },
];

/** How long the browser may take to answer, in ms. */
const LIMIT = 20_000;

/** How a page is looked at. */
export interface PageOptions {
  /** CSS pixels. */
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  /** False: as if the browser knew no scripts. */
  readonly scripts?: boolean;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
  readonly sessionId?: string;
}

type Listener = (method: string, params: Readonly<Record<string, unknown>>) => void;

/**
 * A Chromium without a window, led by its DevTools protocol over a pipe
 * (https://chromedevtools.github.io/devtools-protocol/): no port, so it can be inside a test host.
 */
export class Browser implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #profile: string;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #waiting = new Map<number, PromiseWithResolvers<Message>>();
  readonly #listeners = new Map<string, Listener>();
  readonly #read: Promise<unknown>;
  #lastId = 0;
  #said = "";

  private constructor(child: Deno.ChildProcess, profile: string) {
    this.#child = child;
    this.#profile = profile;
    this.#writer = child.stdin.getWriter();
    this.#read = Promise.all([this.#readMessages(), this.#readErrors()]);
  }

  /** @param enter makes a command line one that runs in a test host; default: it runs here. */
  static async start(
    enter: (command: readonly string[]) => string[] = (command) => [...command],
  ): Promise<Browser> {
    const profile = await Deno.makeTempDir({ prefix: "wg-kube-browser-" });
    // It reads commands from 3 and answers at 4.
    const [program, ...args] = enter([
      ...["bash", "-c", 'exec "$@" 3<&0 4>&1 0</dev/null 1>&2', "bash"],
      ...["chromium-headless-shell", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"],
      ...["--disable-dev-shm-usage", `--user-data-dir=${profile}`, "about:blank"],
    ]);
    const child = new Deno.Command(program!, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Browser(child, profile);
  }

  /** Asks for something, in general or of one page. @throws {Error} what the browser says against it. */
  async send(
    method: string,
    params: Readonly<Record<string, unknown>> = {},
    sessionId?: string,
  ): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.#lastId;
    const answered = Promise.withResolvers<Message>();
    this.#waiting.set(id, answered);
    const text = `${JSON.stringify({ id, method, params, sessionId })}\0`;
    const late = setTimeout(
      () => answered.reject(new Error(`${method}: no answer in ${LIMIT} ms\n${this.#said}`)),
      LIMIT,
    );
    try {
      await this.#writer.write(new TextEncoder().encode(text));
      const { result, error } = await answered.promise;
      if (error) throw new Error(`${method}: ${error.message}`);
      return result ?? {};
    } finally {
      clearTimeout(late);
      this.#waiting.delete(id);
    }
  }

  /** A page of its own, empty yet. */
  async open(options: PageOptions): Promise<BrowserPage> {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const attached = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const session = attached.sessionId as string;
    const page = new BrowserPage(this, session, targetId as string);
    this.#listeners.set(session, page.hear);
    const { width, height, dark = false, scripts = true } = options;
    for (const domain of ["Page", "Runtime", "Log"]) await page.send(`${domain}.enable`);
    await page.send("Emulation.setDeviceMetricsOverride", {
      ...{ width, height, deviceScaleFactor: 1, mobile: width < 600 },
    });
    await page.send("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }],
    });
    await page.send("Emulation.setScriptExecutionDisabled", { value: !scripts });
    return page;
  }

  async #readMessages(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\0");
      rest = parts.pop()!;
      for (const part of parts) this.#take(JSON.parse(part) as Message);
    }
    for (const { reject } of this.#waiting.values()) {
      reject(new Error(`the browser has ended\n${this.#said}`));
    }
  }

  #take(message: Message): void {
    const { id, method, params = {}, sessionId } = message;
    if (id !== undefined) this.#waiting.get(id)?.resolve(message);
    else if (method && sessionId) this.#listeners.get(sessionId)?.(method, params);
  }

  async #readErrors(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#said = (this.#said + text).slice(-4000);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.send("Browser.close").catch(() => {});
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await this.#child.status;
    clearTimeout(late);
    await this.#read;
    await this.#writer.close().catch(() => {});
    await Deno.remove(this.#profile, { recursive: true }).catch(() => {});
  }
}

/** A page of a {@linkcode Browser}. */
export class BrowserPage implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #session: string;
  readonly #target: string;
  #loaded = Promise.withResolvers<void>();
  /** What the page's console says is wrong, refusals of its content policy included. */
  readonly errors: string[] = [];

  constructor(browser: Browser, session: string, target: string) {
    this.#browser = browser;
    this.#session = session;
    this.#target = target;
  }

  /** Takes what the browser tells of this page. */
  hear: Listener = (method, params) => {
    if (method === "Page.loadEventFired") this.#loaded.resolve();
    if (method === "Runtime.exceptionThrown") this.errors.push(JSON.stringify(params));
    const { entry, type } = params as { entry?: { level: string }; type?: string };
    if (method === "Log.entryAdded" && entry?.level === "error") {
      this.errors.push(JSON.stringify(entry));
    }
    if (method === "Runtime.consoleAPICalled" && (type === "error" || type === "assert")) {
      this.errors.push(JSON.stringify(params));
    }
  };

  /** See {@linkcode Browser.send}. */
  send(
    method: string,
    params: Readonly<Record<string, unknown>> = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    return this.#browser.send(method, params, this.#session);
  }

  /** Goes there, and waits until all is there. @throws {Error} if nobody answers. */
  async goto(url: string): Promise<void> {
    this.#loaded = Promise.withResolvers();
    const { errorText } = await this.send("Page.navigate", { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await this.#loaded.promise;
  }

  /** The value of an expression of JavaScript, or of the promise that it is. @throws {Error} as it throws. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      ...{ expression, awaitPromise: true, returnByValue: true },
    }) as { result: { value: Value }; exceptionDetails?: unknown };
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  }

  /** Presses and releases a key, such as `Tab`. */
  async press(key: string, code: number): Promise<void> {
    for (const type of ["rawKeyDown", "keyUp"]) {
      await this.send("Input.dispatchKeyEvent", {
        type,
        key,
        code: key,
        windowsVirtualKeyCode: code,
      });
    }
  }

  /** A picture of the page: of the whole, or of what is seen of it at first. */
  async screenshot(path: string, whole: boolean): Promise<void> {
    const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: whole });
    await Deno.writeFile(path, Uint8Array.fromBase64(data as string));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.send("Target.closeTarget", { targetId: this.#target });
  }
}
