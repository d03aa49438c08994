import'./chat-TS6ZKSLU.js';import'./chunk-6RL4W244.js';
