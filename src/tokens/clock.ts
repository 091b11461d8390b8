/** The time in milliseconds since 1970; handed in, so that tests set it. */
export type Clock = () => number;
