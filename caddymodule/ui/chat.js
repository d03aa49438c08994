import'./chat-7SBX7MSU.js';import'./chunk-4HPBNWFZ.js';
