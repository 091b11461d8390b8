/** The three forms in which a bearer of Harrier may come. */
export type TokenFormat = 'plain' | 'routable' | 'jwt';

/** Dots tell the forms apart: none, one or two. None stands within a part of any. Undefined where there are more. */
export function tokenFormat(token: string): TokenFormat | undefined {
  return (['plain', 'routable', 'jwt'] as const)[token.split('.', 4).length - 1];
}
