/** Whether a pool's pods would find what they mount; by namespace/name. */
export interface InterceptionState {
  ready: boolean;
  /** The pool asks for none and has nothing left of one: there is nothing to look at. */
  absent?: boolean | undefined;
  /** What is in the way, for a person. */
  trouble?: string | undefined;
}

export interface InterceptionStates {
  of(key: string, poolUid: string): InterceptionState;
  /** Says whether anything of it is new. */
  set(key: string, poolUid: string, state: InterceptionState): boolean;
  forget(key: string): void;
}

/** In memory: after a start nobody's is ready until it was looked at. */
export function createInterceptionStates(): InterceptionStates {
  const known = new Map<string, { poolUid: string; state: InterceptionState }>();
  const of = (key: string, poolUid: string): InterceptionState => {
    const found = known.get(key);
    return found?.poolUid === poolUid ? found.state : { ready: false };
  };
  return {
    of,
    set(key, poolUid, state) {
      const before = of(key, poolUid);
      known.set(key, { poolUid, state });
      return before.ready !== state.ready || before.trouble !== state.trouble;
    },
    forget: (key) => void known.delete(key),
  };
}
