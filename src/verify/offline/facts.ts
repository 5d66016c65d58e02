/** What all checks on an image's bytes have in common: the same bytes stand in every store, so once is enough. */
export const OFFLINE = { kind: 'offline', severity: 'required', places: ['runner'] } as const;
