/** The shells for which a program prints what completes its words. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = typeof SHELLS[number];

export const COMPLETION = "completion";

/** What every program does besides its own commands, and without reading any option. */
export const COMMON_COMMANDS = {
  [COMPLETION]: "Print what makes a shell complete these words; bash, zsh or fish follows",
} as const;
