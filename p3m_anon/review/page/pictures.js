// Pictures at the size they are shown, the last few of them kept: the next one is fetched before it is asked for.

import { api } from "./api.js";

const KEPT = 6;

export class Pictures {
  kept = new Map();

  // The whole picture, at most `width` pixels wide. sha256 is in the key, so that a file that was replaced is read anew.
  whole(picture, which, width) {
    const key = [picture.path, picture.sha256, which, width].join("\n");
    const known = this.kept.get(key);
    this.kept.delete(key); // what was asked for last is kept longest
    const bitmap = known ?? this.fetch(picture, which, width);
    this.kept.set(key, bitmap);
    bitmap.catch(() => this.kept.delete(key));
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
    return bitmap;
  }

  async fetch(picture, which, width) {
    const all = { x: 0, y: 0, w: picture.width, h: picture.height };
    return createImageBitmap(await api.image(picture.path, which, all, width));
  }

  // Released files change when decisions are written.
  forget() {
    this.kept.clear();
  }
}
