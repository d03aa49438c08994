import'./chat-WKKEWFIU.js';import'./chunk-NW53U7EP.js';
