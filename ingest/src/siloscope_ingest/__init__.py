"""MQTT to store: samples, watermark, gap ledger."""
