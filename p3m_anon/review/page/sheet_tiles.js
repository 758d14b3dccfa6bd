// One sheet as elements: tiles in rows, each with its thumbnail and crops; which of them are loaded and were in view, which
// one has the focus, and which are marked. Every tile is made the same way.

import { api } from "./api.js";
import { make } from "./dom.js";

export const KEYS = "abcdefghijklmnopqrstuvwxyz0123456789"; // one for each tile, in reading order
const ALL = 0.99; // of a tile, and it is in view

export class SheetTiles {
  tiles = []; // {name, key, element, row, images, loaded, inView, seen}
  at = 0;
  shownFor = 0; // ms before the last time the page was hidden
  since = null;

  constructor({ sheet, rows, stacked }, changed) {
    this.name = sheet;
    this.stacked = stacked; // crops above each other
    this.changed = changed;
    this.rows = rows.map((tiles, row) => {
      const made = tiles.map((tile) => this.tile(tile, row));
      return make("div", { className: "sheet-row" }, ...made);
    });
  }

  tile({ tile, images }, row) {
    const key = KEYS[this.tiles.length] ?? "";
    const pictures = images.map(({ name, width, height }) => ({ name, element: make("img", { width, height, alt: "", draggable: false }) }));
    const [thumb, ...crops] = pictures.map((one) => one.element);
    const places = crops.length === 1 ? "1 place enlarged" : `${crops.length} places enlarged`;
    const element = make(
      "div",
      { className: "tile", tabIndex: -1, role: "checkbox", data: { tile }, aria: { checked: false, label: `Picture ${key}, ${places}` } },
      make("b", { aria: { hidden: true } }, key.toUpperCase()), thumb,
      ...(crops.length ? [make("div", { className: this.stacked > 1 ? "crops stacked" : "crops" }, ...crops)] : []),
    );
    const made = { name: tile, key, element, row, images: pictures, loaded: false, inView: false, seen: false };
    element.onclick = () => (this.go(made), this.toggle(made));
    this.tiles.push(made);
    return element;
  }

  // Fetch what is not there yet. The answer is how many tiles could not be loaded.
  async load() {
    await Promise.all(this.tiles.filter(({ loaded }) => !loaded).map((tile) => this.loadTile(tile)));
    return this.tiles.filter(({ loaded }) => !loaded).length;
  }

  async loadTile(tile) {
    try {
      await Promise.all(tile.images.map((image) => this.loadImage(image)));
      tile.loaded = true;
      this.look(tile);
    } catch (error) {
      this.failure = error;
    }
    tile.element.classList.toggle("missing", !tile.loaded);
  }

  async loadImage({ name, element }) {
    if (element.src) return;
    const address = URL.createObjectURL(await api.sheetImage(name));
    element.src = address;
    try {
      await element.decode();
    } catch (error) {
      element.removeAttribute("src");
      throw error;
    } finally {
      URL.revokeObjectURL(address);
    }
  }

  // Put the sheet on the screen, and note what can be seen of it.
  show(stage) {
    stage.replaceChildren(...this.rows);
    this.observer = new IntersectionObserver(
      (entries) => entries.forEach(({ target, intersectionRatio }) => {
        const tile = this.tiles.find(({ element }) => element === target);
        tile.inView = intersectionRatio >= ALL;
        this.look(tile);
      }),
      { threshold: ALL },
    );
    for (const { element } of this.tiles) this.observer.observe(element);
    this.visible = () => this.hiddenOrNot();
    document.addEventListener("visibilitychange", this.visible);
    this.hiddenOrNot();
    this.go(this.tiles[0]);
  }

  hiddenOrNot() {
    const hidden = document.visibilityState === "hidden";
    if (this.since !== null) this.shownFor += performance.now() - this.since;
    this.since = hidden ? null : performance.now();
    this.tiles.forEach((tile) => this.look(tile));
  }

  look(tile) {
    if (!tile.loaded || !tile.inView || tile.seen || document.visibilityState === "hidden") return;
    tile.seen = true;
    this.changed();
  }

  end() {
    this.observer?.disconnect();
    if (this.visible) document.removeEventListener("visibilitychange", this.visible);
  }

  seconds() {
    return (this.shownFor + (this.since === null ? 0 : performance.now() - this.since)) / 1000;
  }

  ready() {
    return this.tiles.every(({ loaded, seen }) => loaded && seen);
  }

  isMarked({ element }) {
    return element.getAttribute("aria-checked") === "true";
  }

  marked() {
    return this.tiles.filter((tile) => this.isMarked(tile));
  }

  toggle(tile = this.tiles[this.at]) {
    tile.element.setAttribute("aria-checked", !this.isMarked(tile));
    this.changed();
  }

  // Mark by the key on the tile.
  press(key) {
    const tile = this.tiles.find((one) => one.key === key);
    if (!tile) return;
    this.go(tile);
    this.toggle(tile);
  }

  go(tile) {
    this.tiles[this.at].element.tabIndex = -1;
    this.at = this.tiles.indexOf(tile);
    tile.element.tabIndex = 0;
    tile.element.focus({ preventScroll: true });
  }

  // Left and right in reading order; up and down to the tile that lies nearest.
  step(across, down) {
    if (across) return this.go(this.tiles.at((this.at + across) % this.tiles.length));
    const here = this.tiles[this.at];
    const middle = ({ element }) => element.offsetLeft + element.offsetWidth / 2;
    const there = this.tiles.filter(({ row }) => row === here.row + down);
    const far = (tile) => Math.abs(middle(tile) - middle(here));
    if (there.length) this.go(there.reduce((best, tile) => (far(tile) < far(best) ? tile : best)));
    return undefined;
  }

  // What is sent: every tile with what became of it.
  report() {
    return this.tiles.map(({ name, loaded, seen }) => ({ tile: name, loaded, seen }));
  }
}
