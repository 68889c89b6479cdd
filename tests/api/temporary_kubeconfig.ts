/** A kubeconfig, and the files that it names, in a folder of their own that goes when disposed of. */
export interface TemporaryKubeconfig extends AsyncDisposable {
  readonly folder: string;
  /** The path of the kubeconfig; it is there if it was given. */
  readonly path: string;
  write(name: string, text: string): Promise<void>;
}

/** What varies in a kubeconfig of one cluster and one user. */
export interface KubeconfigFields {
  readonly cluster: Readonly<Record<string, unknown>>;
  readonly user?: Readonly<Record<string, unknown>>;
}

/** Makes the folder, and the kubeconfig in it if one is given. */
export async function temporaryKubeconfig(
  kubeconfig?: KubeconfigFields | string,
): Promise<TemporaryKubeconfig> {
  const folder = await Deno.makeTempDir();
  const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text);
  if (kubeconfig !== undefined) {
    await write("kubeconfig", typeof kubeconfig === "string" ? kubeconfig : text(kubeconfig));
  }
  return {
    folder,
    path: `${folder}/kubeconfig`,
    write,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

function text({ cluster, user = {} }: KubeconfigFields): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "x",
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
  });
}
