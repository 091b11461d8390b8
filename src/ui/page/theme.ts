import { part } from './element.ts';

const KEY = 'harrier-theme';

/** The switch of colours; the browser remembers what was chosen. */
export function offerThemes(): void {
  const choice = part<HTMLSelectElement>('theme');
  const show = (theme: string) => {
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };
  const remembered = localStorage.getItem(KEY) ?? 'auto';
  choice.value = remembered === 'light' || remembered === 'dark' ? remembered : 'auto';
  show(choice.value);
  choice.addEventListener('change', () => {
    localStorage.setItem(KEY, choice.value);
    show(choice.value);
  });
}
