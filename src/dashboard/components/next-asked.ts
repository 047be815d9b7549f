/** What gets the keyboard focus after an answer: another question (the question itself, not its button), or the page. */
export function nextAsked(box: HTMLElement | null): HTMLElement | null {
  const all = [...document.querySelectorAll<HTMLElement>('.approval')];
  const place = box ? all.indexOf(box) : -1;
  return all[place + 1] ?? all[place - 1] ?? document.getElementById('main');
}
