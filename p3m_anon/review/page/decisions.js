// The decisions: what is asked before one is sent, what is said when the server refuses it, and taking it back.

import { ALWAYS, blurredNow, holds } from "./answers.js";
import { api, Lost } from "./api.js";
import { askBasis, choose } from "./dialogs.js";
import { dropDraft, keepDraft } from "./drawing.js";
import { byId } from "./dom.js";
import { calm, toast } from "./notices.js";
import { isClear } from "./overlays.js";
import { coverage } from "./shapes.js";
import { told, verdict as words } from "./words.js";

// The buttons, in the order in which they are shown. `wide`: as broad as the column. `broken`: also for a file that
// cannot be shown. `sample`: in a sample check only, or not there (where "covered" says it already).
export const DECISIONS = [
  { verdict: "covered", label: "Every face is covered", key: "C", wide: true, sample: true },
  { verdict: "mask", label: "Save mask", key: "Enter", wide: true },
  { verdict: "no_face", label: "No identifiable face", key: "F", wide: true, sample: false },
  { verdict: "normal", label: "May stay…", key: "M" },
  { verdict: "exclude", label: "Exclude…", key: "X", broken: true },
  { verdict: "skip", label: "Skip for now", key: "L", broken: true },
  { verdict: "open", label: "Take back", key: "T", broken: true },
];

const WITH_SHAPES = ["mask", "normal"];
const RELEASED = ["released", "sample"]; // filters of pictures in which faces are masked already
const MASKED = 0.5; // of a place, and it is blurred now

export class Decisions {
  constructor(review, drawing, tools, overlays) {
    Object.assign(this, { review, drawing, tools, overlays });
  }

  // Is this an answer to what is asked in this filter?
  belongs({ sample }) {
    return sample === undefined || sample === (this.review.filter === "sample");
  }

  // And of this picture? "No face" would take away masks that are released.
  offered(decision) {
    const { picture, filter } = this.review;
    if (!this.belongs(decision)) return false;
    return decision.verdict !== "no_face" || !RELEASED.includes(filter) || !picture || !blurredNow(picture).length;
  }

  // May this be decided now?
  may(decision) {
    const { picture, ready, busy, filter, small } = this.review;
    const { verdict, broken } = decision;
    if (!picture || busy || small || (picture.error ? !broken : !ready) || !this.offered(decision)) return false;
    if (picture.changed) return ALWAYS.includes(verdict);
    return verdict !== "open" || holds(picture.decision) || (filter === "sample" && Boolean(picture.sampled));
  }

  async decide(name) {
    if (!this.may(DECISIONS.find(({ verdict }) => verdict === name))) return;
    if (!byId("who").value.trim()) {
      byId("who").focus();
      toast("Your name goes with each decision. Please enter it at the top.");
      return;
    }
    const { picture } = this.review;
    const more = await this.ask(name);
    if (more && this.review.picture === picture && !this.review.small) await this.send(name, more);
  }

  // What has to be known before; null: rather not.
  async ask(name) {
    if (WITH_SHAPES.includes(name) && !this.tools.finish()) {
      toast("A polygon needs three points. Click more of them, or press Escape.");
      return null;
    }
    if (name === "mask" && !this.drawing.masks()) {
      toast("Nothing is drawn yet. Draw over the face, or choose another answer.");
      return null;
    }
    if (name === "mask" && this.review.picture.released && !this.drawing.unsaved() && !this.drawing.noted()) {
      toast("Nothing is added to what is masked already. Draw over what is still clear.");
      return null;
    }
    if (name === "normal") return this.askStay();
    if (name === "exclude") return this.sure("Exclude this picture from the dataset?", "It will not be released.", "Exclude it");
    const dropped = this.tools.busy() || (this.drawing.unsaved() && this.drawing.shapes.length);
    if (dropped && (name === "no_face" || name === "covered")) {
      return this.sure("You have drawn something", `“${words(name)}” drops what is drawn and not saved.`, "Drop the drawing");
    }
    return {};
  }

  askStay() {
    const { decision } = this.review.picture;
    return askBasis(this.review.state.bases, holds(decision) ? decision : {}, this.drawing.shapes.length);
  }

  async sure(title, text, yes) {
    return (await choose(title, text, [["", "Go back"], ["yes", yes]])) ? {} : null;
  }

  body(name, more, { path, sha256, version } = this.review.picture) {
    const { filter } = this.review;
    const shapes = WITH_SHAPES.includes(name) ? this.drawing.sent() : [];
    const empty = { basis: null, reference: null, confirmed: [], accepts_loss: false };
    return {
      path, sha256, version, who: byId("who").value.trim(), verdict: name, shapes, as_drawn: this.drawing.asDrawn,
      note: this.drawing.note.trim(), filter, ...empty, ...more,
    };
  }

  async send(name, more) {
    const { review } = this;
    const { picture } = review; // the one that is meant, whatever is opened while the server thinks
    this.working(true);
    try {
      const answer = await api.decide(this.body(name, more));
      this.working(false);
      calm();
      await this.done(name, answer, picture);
    } catch (error) {
      this.working(false);
      if (review.picture !== picture) review.trouble(new Error(`${picture.id}: your answer was not saved. Open it and answer again.`));
      else if (error.status === 422 && error.body.uncovered) await this.doubted(name, more, error.body);
      else if (error.status === 409 && error.body.now) await this.conflict(error.body);
      else review.trouble(error, this.again(error));
    }
  }

  // An answer is given again by the person, not by the page: it is not known whether the last one arrived.
  again(error) {
    return error instanceof Lost ? () => toast("The server answers again. Please give your answer again.") : null;
  }

  working(busy) {
    this.review.busy = busy;
    this.review.tell("busy");
  }

  // The drawing that was decided about comes back with the decision taken back.
  async done(name, { picture, state }, asked) {
    const { review, drawing } = this;
    if (review.picture !== asked) { // another one was opened meanwhile: its drawing is not touched
      dropDraft(asked);
      review.setState(state);
      toast(`Saved: ${picture.id}, ${words(name)}.`);
      return;
    }
    const draft = { shapes: drawing.shapes, asDrawn: drawing.asDrawn, note: drawing.note };
    if (name !== "skip") dropDraft(review.picture);
    review.setState(state);
    review.tell("decided", { path: picture.path, verdict: picture.decision?.verdict ?? null, open: name === "open" });
    if (name === "open") {
      if (draft.shapes.length) keepDraft(picture, draft);
      await review.show(picture);
      toast(takenBack(picture));
      return;
    }
    toast(`Saved: ${picture.id}, ${words(name)}.`, ["Take back", "T", () => this.takeBack(picture, draft)]);
    await review.advance(picture);
  }

  async takeBack(picture, draft) {
    const { review } = this;
    if (review.busy) return;
    const { path } = picture;
    this.working(true);
    try {
      const answer = await api.decide(this.body("open", { note: "", as_drawn: false }, picture));
      if (draft.shapes.length) keepDraft(answer.picture, draft);
      review.setState(answer.state);
      review.tell("decided", { path, verdict: null, open: true });
      await review.open(path);
      toast(takenBack(answer.picture));
    } catch (error) {
      review.trouble(error, this.again(error));
    } finally {
      this.working(false);
    }
  }

  // What stays clear is shown and asked about; the answer is sent again with what was confirmed.
  async doubted(name, more, { uncovered, lost }) {
    const { review } = this;
    const { picture } = review;
    const known = { ...more };
    if (uncovered.length) {
      known.confirmed = await this.stayClear(uncovered);
      if (!known.confirmed) return;
    }
    if (lost && !known.accepts_loss) {
      known.accepts_loss = await this.stayLost(lost);
      if (!known.accepts_loss) return;
    }
    if (review.picture === picture && !review.small) await this.send(name, known);
  }

  // Hair's soft edge is kept clear, and takes a part of the drawing that is far from every face that was found.
  async stayLost(lost) {
    const share = `${Math.max(Math.round(100 * lost), 1)} %`;
    const answer = await choose(
      "The soft edge takes a part of what you drew",
      `Hair's soft edge is kept clear, and ${share} of a place that you drew lies in it. “As drawn” blurs all of it.`,
      [["", "Go back"], ["all", "Blur all that is drawn"], ["save", `Save, ${share} stays clear`]],
    );
    if (answer === "all") this.drawing.change({ asDrawn: true });
    return answer !== "";
  }

  // Places that look like a face are left clear, wholly or in part. They are looked at in the original, one by one, before
  // that is confirmed. uncovered: [{sighting, covered}]. The boxes of these places, or null.
  async stayClear(uncovered) {
    const { review, overlays } = this;
    const { picture } = review;
    if (!(await review.swap("original"))) return null;
    const places = uncovered.map(({ sighting }) => picture.sightings[sighting].box);
    const blurred = blurredNow(picture);
    const clear = places.filter((box, index) => isClear(uncovered[index]) && coverage(ellipse(box), blurred) >= MASKED).length;
    const show = (index) => {
      overlays.mark(uncovered, uncovered[index].sighting);
      review.viewer.view.approach(places[index]);
      review.viewer.moved();
    };
    const { title, text, yes } = aboutClear(uncovered);
    const answer = await choose(title, text, [["", "Go back and draw"], ["save", yes]], {
      warning: clear ? `Saving will make ${clear} place${clear === 1 ? "" : "s"} CLEAR that ${clear === 1 ? "is" : "are"} blurred now.` : "",
      places: places.length,
      show,
      about: (index) => (isClear(uncovered[index]) ? "" : `: ${masked(uncovered[index])}`),
    });
    if (review.picture !== picture) return null;
    overlays.mark(uncovered);
    return answer === "save" ? places : null;
  }

  // Somebody else was faster, or the file has changed. Nothing is written over without being looked at.
  async conflict({ error, now }) {
    const { review, drawing } = this;
    const own = { shapes: drawing.shapes, asDrawn: drawing.asDrawn, note: drawing.note };
    const theirs = now.version !== review.picture.version;
    const answer = await choose(
      theirs ? "This picture has been decided in the meantime" : "The file has changed in the meantime",
      `${theirs && now.decision ? told(now.decision) : `${capital(error)}.`}\n\nYour drawing was not saved, and it is not lost.`,
      theirs ? [["theirs", "Show theirs"], ["mine", "Keep mine and look again"]] : [["theirs", "Show the new file"]],
    );
    if (!now.changed) dropDraft(review.picture); // else it waits for the file that it was drawn on
    if (answer !== "theirs" && !now.changed) keepDraft(now, own);
    await review.refresh().catch((failure) => review.trouble(failure));
    await review.show(now);
    if (answer === "theirs") drawing.remember(own);
  }
}

const masked = ({ covered }) => `${Math.floor(100 * covered)} % masked`;

// How places are asked about that would stay clear; what is masked for the most part is not called clear.
function aboutClear(uncovered) {
  const count = uncovered.length;
  const partly = uncovered.filter((one) => !isClear(one)).length;
  const looks = count === 1 ? "1 place looks" : `${count} places look`;
  const first = count === 1 ? "" : " Look at each of them first.";
  if (!partly) {
    return {
      title: count === 1 ? "Leave this place clear in the release?" : `Leave these ${count} places clear in the release?`,
      text: `${looks} like a face to a detector and will not be masked: outlined in red.${first}`,
      yes: count === 1 ? "Yes, it stays clear: it is no face" : `Yes, ${count} places stay clear: none is a face`,
    };
  }
  const some = partly === count ? "" : `, ${count - partly} of them not at all`;
  return {
    title: count === 1 ? "Is this place masked enough?" : `Are these ${count} places masked enough?`,
    text: count === 1
      ? `${looks} like a face to a detector and is only ${masked(uncovered[0])}: outlined in red.`
      : `${looks} like a face to a detector and will not be masked wholly${some}: outlined in red.${first}`,
    yes: count === 1 ? "Yes, the rest stays clear" : "Yes, what is not masked stays clear",
  };
}

const ellipse = ([x0, y0, x1, y1]) => ({ kind: "ellipse", points: [[x0, y0], [x1, y1]] });
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function takenBack({ id, released }) {
  const state = released ? "stays as it is in the release until Write now" : "is open again";
  return `Taken back: ${id} ${state}.`;
}
