/** @import {Shown} from '../sdk/fold.js' */
import { useEffect, useLayoutEffect, useRef, useState } from './html.js';

/** A block that was never laid out is taken to be this high, in px. */
const GUESS = 58;
/** So many blocks beyond each edge of the window are on the page, too; it moves when half of them are used up. */
const BEYOND = 120;
/** This close to the end counts as being there, and this close to an edge asks for more, in px. */
const NEAR_END = 120;
const NEAR_EDGE = 900;

/** What is measured stays with the message: it moves with it when older ones come in above.
 * @typedef {Shown & {height?: number, width?: number}} Block */

/**
 * A list of which only the part in sight (and some more) is on the page. Where it stands is an anchor, never a distance
 * from the top: the end, or one block and how far its upper edge is below the window's. So nothing that grows, shrinks or
 * comes in above or below moves what is read.
 * @param {Block[]} shown @param {{key: string, edge(up: boolean): void, first?: {seq: number, from_top: number} | null}} of
 * `key`: another one starts at the end, or at `first`; `edge`: more is wanted there
 */
export function useVirtual(shown, { key, edge, first }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const [, redraw] = useState(0);
  const kept = useRef({ key: '', anchor: /** @type {{seq: number, delta: number} | null} */ (null), from: 0, to: 0, width: 0, last: 0, count: 0 });
  const now = kept.current;
  if (now.key !== key) Object.assign(now, { key, anchor: first ? { seq: first.seq, delta: first.from_top } : null });
  const [end, setEnd] = useState(true);
  const offsets = sums(shown, now.width);
  const total = offsets[shown.length];

  const index = now.anchor ? find(shown, now.anchor.seq) : shown.length - 1;
  const outside = index - BEYOND / 2 < now.from || index + BEYOND / 2 > now.to;
  if (outside || now.to > shown.length || now.count !== shown.length) {
    now.from = Math.max(0, index - BEYOND);
    now.to = Math.min(shown.length, index + BEYOND);
    now.count = shown.length;
  }

  /** Measures what is on the page and puts the window back to its anchor. */
  function settle() {
    const area = box.current;
    const rows = list.current;
    if (!area || !rows?.offsetParent) return;
    const width = rows.clientWidth;
    for (const node of /** @type {Iterable<HTMLElement>} */ (rows.querySelectorAll('[data-index]'))) {
      const block = shown[Number(node.dataset.index)];
      if (block) Object.assign(block, { height: node.getBoundingClientRect().height, width });
    }
    now.width = width;
    const { anchor } = now;
    if (!anchor) area.scrollTop = area.scrollHeight;
    else {
      const at = rows.querySelector(`[data-index="${find(shown, anchor.seq)}"]`);
      if (at) area.scrollTop += at.getBoundingClientRect().top - area.getBoundingClientRect().top - anchor.delta;
    }
    look();
  }

  /** Where the window stands now. */
  function look() {
    const area = box.current;
    const rows = list.current;
    if (!area || !rows || !shown.length) return;
    const below = area.scrollHeight - area.scrollTop - area.clientHeight;
    if (area.scrollTop < NEAR_EDGE) edge(true);
    if (below < NEAR_EDGE) edge(false);
    setEnd(below < NEAR_END);
  }

  /** The user scrolled: the anchor follows. */
  function scrolled() {
    const area = box.current;
    const rows = list.current;
    if (!area || !rows || !shown.length) return;
    const below = area.scrollHeight - area.scrollTop - area.clientHeight;
    const top = area.scrollTop - rows.offsetTop;
    const fresh = sums(shown, now.width);
    const at = Math.min(shown.length - 1, Math.max(0, search(fresh, top)));
    const node = rows.querySelector(`[data-index="${at}"]`);
    const delta = node ? node.getBoundingClientRect().top - area.getBoundingClientRect().top : fresh[at] - top;
    now.anchor = below < 2 || (below < NEAR_END && !now.anchor) ? null : { seq: shown[at].record.seq, delta };
    const near = (at - BEYOND / 2 < now.from && now.from > 0) || (at + BEYOND / 2 > now.to && now.to < shown.length);
    if (near || !node) redraw((turn) => turn + 1);
    look();
  }

  /** @param {number} seq @param {number} [from_top] how far below the window's upper edge, in px */
  function to(seq, from_top = (box.current?.clientHeight ?? 600) / 3) {
    now.anchor = { seq, delta: from_top };
    redraw((turn) => turn + 1);
  }
  function toEnd() {
    now.anchor = null;
    redraw((turn) => turn + 1);
  }

  useLayoutEffect(settle);
  const again = useRef(settle);
  again.current = settle;
  useEffect(() => {
    // A picture that arrives, a keyboard that opens, a longer composer: what is read stays where it is.
    const watch = new ResizeObserver(() => again.current());
    if (box.current) watch.observe(box.current);
    if (list.current) watch.observe(list.current);
    return () => watch.disconnect();
  }, [key]);

  const { from, to: until } = now;
  return { box, list, from, until, above: offsets[from], below: total - offsets[until], end, scrolled, to, toEnd };
}

/** Upper edges of all blocks, and the end of the last. @param {Block[]} shown @param {number} width */
function sums(shown, width) {
  const offsets = new Float64Array(shown.length + 1);
  for (let i = 0; i < shown.length; i++) {
    const { height } = shown[i];
    offsets[i + 1] = offsets[i] + (height === undefined || (width && shown[i].width !== width) ? GUESS : height);
  }
  return offsets;
}

/** The last block that begins at or above a height. @param {Float64Array} offsets @param {number} top */
function search(offsets, top) {
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (offsets[middle] <= top) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The index of a message, or of the next one shown. @param {Shown[]} shown @param {number} seq */
export function find(shown, seq) {
  let low = 0;
  let high = shown.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shown[middle].record.seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
