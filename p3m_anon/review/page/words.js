// What the page asks, in plain words.

import { holds } from "./answers.js";

// What to do about each reason. The heading over it says the reason itself.
const ASK = {
  no_face: "Is there one? Look into dark parts too: D. Draw over it; or say that there is no identifiable face.",
  withdrawn_before: "If it shows that person or scene, exclude it. Otherwise decide as usual.",
  decision_lapsed: "Look at it as it is now, and decide again.",
  no_face_contradicted: "Draw over it; or say again that there is no identifiable face.",
  face_outside_manual_mask: "Cover that place too; or save again and confirm that it is no face.",
  alpha_missing: "Put it in its folder and run blur again. Until then, skip the picture, or exclude it.",
  alpha_mismatch: "Repair it and run blur again. Until then, skip the picture, or exclude it.",
  detectors_disagree: "Draw over every real face, outlined or not; then save. Look into dark parts too: D.",
  profile: "Draw over the face as you see it, then save.",
  low_score: "If it is a face, draw over it, or take the suggestion; then save.",
  too_small: "Draw over it, or say that nobody can be recognised by it.",
  implausible_outline: "Draw the outline yourself, then save.",
  face_outside_alpha: "Is it the right matte? If it is, draw over every face and save.",
  feature_left_clear: "Draw over the face, with room around eyes, nose and mouth; then save.",
  face_in_alpha: "Repair the matte and run blur again. Until then, skip the picture, or exclude it.",
  mask_lost_to_transition: "Draw over the face; tick “As drawn” if the soft edge must be blurred too.",
};

const ASK_RELEASED = "Is any face still clear? Draw over it and save: what is masked now stays so. If every face is masked, go on with the next picture.";
const ASK_SAMPLE = "Look at every head, also small and far ones. Is every face masked? Say so; if not, draw over it and save: that counts as missed.";
const ASK_LOOKED = "You have looked at this one. Answer again, or take the answer back.";
const ASK_DECIDED = "This is decided. Change the drawing and save again, or take the decision back.";
const ASK_CHANGED = "This file has changed since the detectors looked at it. Write now lets them look again.";
const ASK_BROKEN = "It cannot be shown, so nothing can be drawn. Skip it for now, or exclude it from the dataset.";
const ASK_ANY = "Draw over every face that is not covered, then save; or say what else holds.";

// who: the name of the person who is asked.
export function question(picture, filter, who) {
  const { decision, detail } = picture;
  if (picture.error) return ASK_BROKEN;
  if (picture.changed) return ASK_CHANGED;
  if (filter === "sample") return picture.sampled ? ASK_LOOKED : ASK_SAMPLE;
  if (decision && !holds(decision)) {
    const made = [verdict(decision.verdict), decision.who || "somebody", when(decision.at)].join(", ");
    const whose = decision.who === who ? "Your" : "The";
    if (picture.reason === "decision_lapsed") return `${whose} answer (${made}) was about the older file. ${ASK.decision_lapsed}`;
    const why = detail.replace(/[.\s]+$/, "");
    return `${whose} answer (${made}) did not hold${why ? `: ${why}` : ""}. Look again.`;
  }
  if (decision && decision.verdict !== "skip") return ASK_DECIDED;
  if (picture.status === "accepted") return ASK_RELEASED;
  return ASK[picture.reason] ?? ASK_ANY;
}

const VERDICTS = {
  mask: "mask drawn",
  no_face: "no identifiable face",
  normal: "may stay",
  exclude: "excluded",
  skip: "skipped for now",
  open: "open again",
  covered: "every face is covered",
  missed: "a face was missed",
};

// Short, for a list. The reason differs from the answer, or one could not tell what waits from what is decided.
const REASONS = { no_face: "none found" };
const BADGES = { mask: "mask", no_face: "no face", normal: "stays", exclude: "excluded", skip: "later", covered: "covered" };

export const verdict = (name) => VERDICTS[name] ?? name;
export const badge = (name) => BADGES[name] ?? name;

export const renamed = (code, name) => REASONS[code] ?? name;
export const plain = (code) => renamed(code, (code ?? "").replaceAll("_", " "));

export function when(at) {
  const moment = new Date(typeof at === "number" ? at * 1000 : at);
  return Number.isNaN(moment.getTime()) ? String(at) : moment.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

// What was said of a picture before.
export function said({ decision, sampled }, filter) {
  const looked = filter === "sample" && sampled ? [`Looked at in this sample: ${verdict(sampled)}.`] : [];
  const before = decision && (holds(decision) || filter === "sample") ? [told(decision)] : [];
  return [...looked, ...before, ...(decision?.note && !before.length ? [`“${decision.note}”`] : [])].join(" ");
}

// Who decided what and when.
export function told(decision) {
  const parts = [`${decision.who || "Somebody"}: ${verdict(decision.verdict)}, ${when(decision.at)}`];
  if (decision.note) parts.push(`“${decision.note}”`);
  if (decision.lapsed) parts.push("made about another version of the file, so it no longer counts");
  else if (decision.sent_back) parts.push("it was carried out and did not hold");
  else if (!decision.written && decision.verdict !== "skip") parts.push("not written yet");
  return `${parts.join("; ")}.`;
}
