/** Changes of a map that are seen here at once, and in the map itself when they are committed. */
export class MapEdits<Key, Value> {
  readonly #map: Map<Key, Value>;
  readonly #set = new Map<Key, Value>();
  readonly #deleted = new Set<Key>();

  constructor(map: Map<Key, Value>) {
    this.#map = map;
  }

  get(key: Key): Value | undefined {
    return this.#set.get(key) ?? (this.#deleted.has(key) ? undefined : this.#map.get(key));
  }

  set(key: Key, value: Value): void {
    this.#set.set(key, value);
  }

  delete(key: Key): void {
    this.#set.delete(key);
    this.#deleted.add(key);
  }

  /** Changes the map. */
  commit(): void {
    for (const key of this.#deleted) this.#map.delete(key);
    for (const [key, value] of this.#set) this.#map.set(key, value);
  }
}
