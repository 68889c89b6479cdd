const ROOT = new URL("../../", import.meta.url).pathname;

/** The text of an overlay that is shipped, with the components in force that it names in comments. */
export async function withComponents(
  overlay: string,
  wanted: (component: string) => boolean = () => true,
): Promise<string> {
  const text = await Deno.readTextFile(`${ROOT}overlays/${overlay}/kustomization.yaml`);
  return text.replaceAll(
    /^# (components:| {2}- (.*))$/gm,
    (line, entry: string, path?: string) => path === undefined || wanted(path) ? entry : line,
  );
}

/** A folder with one kustomization, which may name others as if it lay in `overlays/`. */
export interface TemporaryOverlay extends AsyncDisposable {
  readonly folder: string;
}

/** Writes a kustomization where the tree stays as it is. */
export async function temporaryOverlay(text: string): Promise<TemporaryOverlay> {
  const folder = await Deno.makeTempDir();
  // Kustomize takes relative paths only.
  const root = "../".repeat(folder.split("/").length - 1) + ROOT.slice(1);
  await Deno.writeTextFile(`${folder}/kustomization.yaml`, text.replaceAll("../../", root));
  return {
    folder,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
