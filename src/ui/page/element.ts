type Child = Node | string;

/**
 * Makes an element. Every text becomes a text node, so nothing that a pool, a branch or a key is called is ever read as
 * markup; the page's policy (Trusted Types) forbids the browser any other way.
 */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function svgElement(tag: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}

/** The element of that id, which the page has. */
export function part<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found as E;
}

/** A bar of spans, each so many parts of the whole; to be read out as its label. */
export function bar(label: string, fills: readonly { share: number; name: string }[]): HTMLElement {
  const track = element('div', { class: 'track', role: 'img', 'aria-label': label });
  for (const { share, name } of fills) {
    const span = element('span', { class: name });
    // By the object model: the page's policy allows no style attribute.
    span.style.width = `${Math.min(1, Math.max(0, share)) * 100}%`;
    track.append(span);
  }
  return track;
}
