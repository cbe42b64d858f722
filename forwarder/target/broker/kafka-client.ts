/**
 * What is used of the Kafka client. Loaded by the first call (the bundle carries it packed), so nothing of ours may be
 * imported here: it would exist twice.
 */
import kafkajs from 'kafkajs';

export const ConfigResourceTypes: typeof kafkajs.ConfigResourceTypes = kafkajs.ConfigResourceTypes;
export const Kafka: typeof kafkajs.Kafka = kafkajs.Kafka;
export const logLevel: typeof kafkajs.logLevel = kafkajs.logLevel;
export const Partitioners: typeof kafkajs.Partitioners = kafkajs.Partitioners;
