/** What the agent answers, for the type check of the scripts beside; no browser asks for this file. */

export interface Status {
  node: { organisation: string; site: string; node: string; version: string };
  instant_s: number;
  refresh_s: number;
  clock: {
    synchronised: boolean;
    dates: "known" | "provisional" | "waiting";
    now: string | null;
    wall: string;
    drift_ppm: number;
    undated_packs: number;
  };
  link: {
    up: boolean;
    broker: string;
    since_s: number;
    detail: string;
    confirmed_s: number | null;
    unacknowledged_packs: number;
  };
  spool: {
    owed_packs: number;
    undated_packs: number;
    unwritten_samples: number;
    oldest_age_s: number | null;
    used_bytes: number | null;
    max_bytes: number;
    evicted_packs: number;
    thinned_packs: number;
    dropped_samples: number;
    trouble: string | null;
  };
  history: { step_s: number | null; channels: number };
  buses: Bus[];
}

export interface Bus {
  name: string;
  kind: string;
  line: string;
  open: boolean;
  detail: string;
  devices: Device[];
}

export interface Device {
  name: string;
  title: string;
  profile: string;
  where: string;
  state: "answers" | "silent" | "missed" | "refuses" | "new" | "port_closed";
  period_s: number;
  age_s: number | null;
  failures: number;
  rests_s: number | null;
  detail: string;
  polls: number;
  answer_s: { last: number; mean: number; longest: number } | null;
  troubles: Record<string, number>;
}

export interface Values {
  instant_s: number;
  devices: DeviceValues[];
}

export interface DeviceValues {
  device: string;
  title: string;
  age_s: number | null;
  stale_after_s: number;
  history: boolean;
  channels: ChannelValue[];
}

export interface ChannelValue {
  key: string;
  title: string;
  quantity: string;
  unit: string;
  resolution: number | null;
  value: number | null;
  quality: "good" | "uncertain" | "bad" | null;
  reason: string | null;
  last_good: { value: number; age_s: number } | null;
}

export interface History {
  device: string;
  instant_s: number;
  from_s: number;
  step_s: number;
  channels: {
    key: string;
    unit: string;
    least: (number | null)[];
    mean: (number | null)[];
    greatest: (number | null)[];
    flags: string;
  }[];
}
