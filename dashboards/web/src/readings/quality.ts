/** Why a reading failed or is doubtful, in the words of the person who has to go and look. */

interface Words {
  /** Fits a table cell on a phone. */
  short: string;
  long: string;
}

const WORDS: Record<string, Words> = {
  uncertain: { short: "unsure", long: "The device is not sure of this value" },
  clock_unsynced: { short: "clock unsure", long: "The site's clock was not set when this was measured" },
  stuck: { short: "stuck", long: "The value has not moved for suspiciously long" },
  step: { short: "jumped", long: "The value jumped more than it plausibly can" },
  drift: { short: "drifting", long: "The value drifts away from its neighbours" },
  bad: { short: "failed", long: "The reading failed" },
  comm_failure: { short: "no answer", long: "The device did not answer" },
  sensor_missing: { short: "no probe", long: "No probe is connected, or its cable is broken" },
  out_of_range: { short: "off scale", long: "The probe reports beyond what it can measure" },
  device_exception: { short: "device error", long: "The device answered with an error" },
  not_a_number: { short: "no value", long: "The device sent something that is not a number" },
  invalid_frame: { short: "garbled", long: "The answer was garbled on the line" },
  not_plausible: { short: "impossible", long: "The value is physically impossible" },
};

/** A reason that this page does not know yet is shown as it is, with spaces. */
export function reasonShort(reason: string | null): string {
  return WORDS[reason ?? "bad"]?.short ?? plain(reason ?? "");
}

export function reasonLong(reason: string | null): string {
  return WORDS[reason ?? "bad"]?.long ?? plain(reason ?? "");
}

function plain(reason: string): string {
  return reason.replaceAll("_", " ");
}
