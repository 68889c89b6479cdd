/** All of `doctor`, to be imported late: whoever starts a program waits for none of it. */
export { hubDoctor } from "./hub_doctor.ts";
export { showDiagnosis } from "./show_diagnosis.ts";
export { spokeDoctor } from "./spoke_doctor.ts";
