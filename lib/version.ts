/** The version of hub and spoke, and the tag of their image. */
export const VERSION = "0.1.0";
