// What follows for the page from the answer that a picture has, and from what is released of it.

export const ALWAYS = ["exclude", "skip"]; // for a file that the detectors did not see, nothing else can be answered
const WITH_SHAPES = ["mask", "normal"];

// Does the answer still count? It does not if it was made about another file, or was carried out in vain.
export const holds = (decision) => Boolean(decision) && !decision.lapsed && !decision.sent_back;

// The shapes with which the drawing begins. What is released now comes with it, because a mask that is saved replaces
// the whole of it; the shapes of an answer that did not hold are offered again.
export function beginning({ decision, start, changed }) {
  if (changed) return { shapes: [], asDrawn: false };
  const drawn = decision?.shapes ?? [];
  const answered = holds(decision) && WITH_SHAPES.includes(decision.verdict);
  return { shapes: answered ? drawn : [...start, ...drawn], asDrawn: decision?.as_drawn ?? false };
}

// The shapes that are blurred in the released file.
export function blurredNow({ decision, start, released }) {
  if (start.length) return start;
  return released && holds(decision) && decision.written ? decision.shapes : [];
}
