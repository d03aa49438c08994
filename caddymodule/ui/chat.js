import'./chat-XASZZNQ2.js';import'./chunk-EKD5RAZG.js';
