/** No command: which program joins is known to the image alone. It finds its files in $HARRIER_JOIN_DIR. */
export const launch: readonly string[] = [];
